"""`o2sidecar migrate`: the way from one central oauth2-proxy behind Istio's ext_authz to sidecars."""
