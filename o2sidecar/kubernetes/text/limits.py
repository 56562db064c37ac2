"""How much a manifest may be."""

LARGEST_STREAM = 32 * 1024 * 1024
"""Characters of a stream; an API server takes 3 MiB in a request, and a stream is some hundreds of them at most."""

LONGEST_READ_SLOWLY = 400_000
"""Characters of a stream that is read again by the parser that takes some 10 seconds for as many."""

MOST_NODES = 1_000_000
"""Values of one document, those behind aliases counted each time: a few lines of aliases may say billions."""

DEEPEST = 200
"""Levels of one document; schemas of custom resources have some 60."""

MOST_DIGITS = 400
"""Characters of a number; the largest that a 64-bit float holds has 309 digits."""
