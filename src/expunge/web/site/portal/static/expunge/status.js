// Shows each step of a deletion as it happens. Without this file the page says the same when it is loaded again.
'use strict'

const progress = document.getElementById('progress')

if (progress && progress.dataset.live && window.EventSource) {
  document.querySelectorAll('[data-without-live]').forEach(each => { each.hidden = true })
  const events = new EventSource(progress.dataset.live)
  const show = event => {
    // A button that had the focus may be gone: the keyboard goes on from here.
    const inside = progress.contains(document.activeElement)
    progress.innerHTML = event.data
    if (inside) progress.focus()
    document.title = progress.querySelector('h1').textContent + document.title.slice(document.title.lastIndexOf(' – '))
  }
  events.addEventListener('step', show)
  events.addEventListener('over', event => {
    events.close()
    show(event)
  })
}
