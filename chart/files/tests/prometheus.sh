REFUSAL=non-recoverable

ready() { fetch 9090 /-/ready page; }

targets() { targets_of_api 9090; }

pushes() { pushes_of_remote_storage 9090; }
