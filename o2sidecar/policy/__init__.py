"""Policy: who may pass, which paths are public, where a redirect may lead, whose word about the client is believed."""
