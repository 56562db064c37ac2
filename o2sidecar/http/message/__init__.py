"""Messages on the wire: heads, fields and bodies, read strictly and written anew."""
