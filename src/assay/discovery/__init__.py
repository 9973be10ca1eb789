"""Laws from data: searched for, cleaned, refitted, checked for units and judged on data that they have not seen."""
