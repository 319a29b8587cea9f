"""The programs that run in containers: one package a service, and the runtime that they share."""
