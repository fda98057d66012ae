"""The routes: page, websocket, lists, tables, downloads and files, and the headers of every answer.

Each module answers one kind of address from the application state that it is given. `site` puts them
together; nothing else imports this package.
"""
