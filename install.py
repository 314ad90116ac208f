"""Run by the web UI at every start. Forge brings everything that IC-Light needs: there is nothing to install."""
