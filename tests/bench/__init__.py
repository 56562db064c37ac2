"""Tests of the bench: figures, report, picture and page; a whole run is in tests/end_to_end/test_bench.py."""
