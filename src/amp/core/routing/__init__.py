"""Who asked, which server, which link, in which order, until when. Pure: events in, commands out."""
