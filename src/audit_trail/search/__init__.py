"""What is found in a trail: pages, counts, facets and the timeline of a query."""
