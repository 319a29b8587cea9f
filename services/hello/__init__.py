"""The hello server: two pages, each after half a second. Start reading at `services.hello.app`."""
