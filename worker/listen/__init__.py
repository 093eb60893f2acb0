"""The front door: iPaaS.com's triggers by HTTP, from any language, answered once the ledger holds them."""
