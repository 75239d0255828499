"""Stack files and the files of bricks: read, judged, and refused with every error at once."""
