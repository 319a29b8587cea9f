"""Tests of services.gateway.proxy."""
