"""The staff console: answer look-up, live chats, requests, reports (issue 6). 'Desk' is never this, but the LEXUS Information Desk."""
