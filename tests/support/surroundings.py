"""What stands in for a cluster where a rendered configuration is started outside one, for tests that start nothing."""

from __future__ import annotations

from pathlib import Path

from xscaler_istio.rendered.local_start import Surroundings

SURROUNDINGS = Surroundings(
    api_server="https://127.10.0.1:6443",
    api_token_file=Path("/run/api-token"),
    ca_file=Path("/run/ca.crt"),
    push_url="https://127.10.0.1:8443/api/v1/push",
    auth_folder=Path("/run/auth"),
    listen_address="127.10.0.1:9090",
    storage_folder=Path("/run/storage"),
    scrape_interval="5s",
    scrape_timeout="5s",
    logs_url="https://127.10.0.1:8444/api/v1/logs/push",
    log_folder=Path("/run/pods"),
)
