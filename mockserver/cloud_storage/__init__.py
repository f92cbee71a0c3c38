"""The part of Cloud Storage's JSON API that tuning needs: objects are uploaded, read, listed and deleted."""
