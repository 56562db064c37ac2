"""What o2sidecar costs beside nginx, Apache with mod_auth_openidc, and stock Twisted: `make bench`."""
