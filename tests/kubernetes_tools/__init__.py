"""Tests of manifests, charts and examples with the programs that people use on them; `make test-kubernetes`."""
