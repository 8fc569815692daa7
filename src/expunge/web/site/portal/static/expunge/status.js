// Shows each step of a deletion as it happens. Without this file the page says the same when it is loaded again.
'use strict'

const progress = document.getElementById('progress')

if (progress && progress.dataset.live && window.EventSource) {
  document.querySelectorAll('[data-without-live]').forEach(each => { each.hidden = true })
  const events = new EventSource(progress.dataset.live)
  const show = event => {
    const token = document.querySelector('[name=csrfmiddlewaretoken]')
    progress.innerHTML = event.data
    // The form to call it off came with the page, and its token stays the same.
    const form = progress.querySelector('form')
    if (form && token) form.append(token.cloneNode(true))
  }
  events.addEventListener('step', show)
  events.addEventListener('over', event => {
    events.close()
    show(event)
  })
}
