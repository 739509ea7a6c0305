"""Pictures of populations: a canvas, and one file for every kind of layout."""
