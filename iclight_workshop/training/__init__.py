"""How the small models in `iclight_standalone/small` were made. Nothing here is needed to use the extension."""
