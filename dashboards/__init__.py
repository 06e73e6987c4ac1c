"""The chart's Grafana dashboards: their sources, the builder of the JSON, and pictures drawn from recorded answers."""
