// Tells the pages of this origin alone, and nothing but whether there is a session. A provider may cut the tie between
// a window and its opener (Cross-Origin-Opener-Policy), so it is told over a channel as well.
const authenticated = document.querySelector('main').dataset.authenticated === 'true';
const told = { type: 'o2sidecar:renewed', authenticated };
new BroadcastChannel('o2sidecar').postMessage(told);
if (window.opener) window.opener.postMessage(told, location.origin);
if (authenticated) window.close();
