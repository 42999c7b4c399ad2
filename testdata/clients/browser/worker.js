// The service worker of rebind.html: it asks what the page tells it to.
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", async ({ data: { url, options }, ports: [port] }) => {
  try {
    const reply = await fetch(url, { ...options, cache: "no-store" });
    port.postMessage({ status: reply.status, server: reply.headers.get("Server") ?? "", text: await reply.text() });
  } catch (e) {
    port.postMessage({ text: `error: ${e}` });
  }
});
