"""iPaaS.com's API: the source of customers and the place of the links."""
