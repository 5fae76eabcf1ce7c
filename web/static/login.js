// The login page: who logs in gets to where the page was, with what its URL has after the #,
// which a browser does not tell the server by itself.

const { hash } = location;
for (const link of document.querySelectorAll("a.provider")) link.href += encodeURIComponent(hash);
for (const input of document.querySelectorAll("[name=to]")) input.value += hash;
