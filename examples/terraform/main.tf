# terraform apply, or tofu apply. The token is in no values and in no state: the Secret xscaler-token comes from elsewhere.
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
  # The folder of this checkout.
  chart   = "${path.module}/../../chart"
  wait    = true
  timeout = 300

  # Later ones win.
  values = [
    file("${path.module}/../values.yaml"),
    yamlencode({
      cluster = { name = var.cluster_name }
    }),
  ]
}
