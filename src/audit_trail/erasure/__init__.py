"""Finding, erasing and handing out what a trail holds of a person; it changes no public part."""
