"""Charts as SVG by Vega-Lite, Grafana's units, and the pages that hold charts."""
