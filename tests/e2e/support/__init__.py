"""What the end-to-end tests share: the program under test, apps, clients, certificates, namespaces."""
