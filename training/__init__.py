"""How the small models in `lib_iclight/embedded/small` were made. Nothing here is needed to use the extension."""
