"""The hello server: two pages, each after half a second of waiting. Start reading at `services.hello.app`."""
