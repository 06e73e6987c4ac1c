# Run `terraform apply` or `tofu apply`. Neither values nor state contain the token: create the Secret xscaler-token first.
terraform {
  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = ">= 2.12, < 4"
    }
  }
}

variable "kubeconfig" {
  type    = string
  default = "~/.kube/config"
}

variable "cluster_name" {
  type        = string
  description = "The cluster label on every series."
  default     = "prod-1"
}

resource "helm_release" "xscaler_istio" {
  name             = "xscaler-istio"
  namespace        = "telemetry"
  create_namespace = true
  # The chart in this checkout.
  chart   = "${path.module}/../../chart"
  wait    = true
  timeout = 300

  # Later values win.
  values = [
    file("${path.module}/../values.yaml"),
    yamlencode({
      cluster = { name = var.cluster_name }
    }),
  ]
}
