"""Identity providers, one file each."""
