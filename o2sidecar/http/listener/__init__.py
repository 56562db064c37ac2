"""The clients' side: connections that requests come in on, and the answers to them."""
