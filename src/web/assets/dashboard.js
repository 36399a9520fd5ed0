// Keeps a page as it would be if it were loaded again: follows the log, and when a change comes,
// asks for the page once more and replaces the parts that differ. Everything works without it.
(() => {
  'use strict';
  const main = document.getElementById('main');
  if (!main || main.dataset.live !== 'yes' || !window.EventSource) return;
  const WAIT = 400;
  let timer = 0;
  let tag = '';
  let busy = false;
  let again = false;

  const say = (state) => {
    // looked up each time: the part that it stands in may have been replaced
    const status = document.getElementById('live');
    if (status) status.textContent = status.dataset[state] || '';
  };

  const replace = (text) => {
    const next = new DOMParser().parseFromString(text, 'text/html');
    for (const id of ['stamp', 'main']) {
      const mine = document.getElementById(id);
      const theirs = next.getElementById(id);
      if (!mine || !theirs) continue;
      if (id === 'main' && mine.children.length === theirs.children.length) {
        // part by part, so that what is open, selected or focused elsewhere stays
        for (let at = 0; at < mine.children.length; at += 1) {
          const [old, fresh] = [mine.children[at], theirs.children[at]];
          if (old.outerHTML !== fresh.outerHTML && !old.contains(document.activeElement)) {
            old.replaceWith(document.importNode(fresh, true));
          }
        }
      } else if (mine.outerHTML !== theirs.outerHTML) {
        mine.replaceChildren(...document.importNode(theirs, true).childNodes);
      }
    }
    document.title = next.title;
  };

  const load = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const headers = tag ? { 'if-none-match': tag } : {};
      const answer = await fetch(location.href, { headers, cache: 'no-store' });
      if (answer.status === 200) {
        tag = answer.headers.get('etag') || '';
        replace(await answer.text());
        say('fresh');
      }
    } catch {
      say('lost');
    } finally {
      busy = false;
      if (again) { again = false; soon(); }
    }
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(load, WAIT);
  };

  let watch = null;
  let missed = false;
  const follow = () => {
    watch = new EventSource('/v1/changes:watch?heartbeatInterval=30s');
    watch.onopen = () => {
      say('on');
      document.documentElement.dataset.watching = 'yes';
      if (missed) { missed = false; soon(); }
    };
    watch.onerror = () => { missed = true; say('lost'); };
    watch.onmessage = (event) => {
      try {
        if (JSON.parse(event.data).change) soon();
      } catch { /* not an event of ours */ }
    };
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      if (watch) { watch.close(); watch = null; missed = true; }
    } else if (!watch) {
      follow();
    }
  });
  follow();
})();
