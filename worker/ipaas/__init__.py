"""iPaaS.com's API: where customers are read and links are recorded."""
