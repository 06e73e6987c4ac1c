"""The dashboards, a module each."""

from dashboards.sources import access_logs, ambient, control_plane, mesh, pipeline, service, workload

BOARDS = tuple(module.BOARD for module in (access_logs, ambient, control_plane, mesh, pipeline, service, workload))
