"""The comparison with other libraries: what each records, what it misses, and what it costs.

Each library works in a process of its own, on a database of its own, over the same tables; so none
slows or mends another, and they can be measured in turn.
"""
