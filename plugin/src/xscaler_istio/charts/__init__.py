"""Charts as SVG: elements, units, and lines and bars in a box."""
