"""The settings pages: plain forms that work without JavaScript; they hold no rule of a resource."""
