"""Every Eval Ever: aggregate records with their instance records."""
