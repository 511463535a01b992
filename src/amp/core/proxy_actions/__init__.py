"""``ProxyAction``: what a client asks of amp itself, with astmanproxy's words for the answers."""
