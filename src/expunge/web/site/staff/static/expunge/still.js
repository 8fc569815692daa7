// Takes a page of staff away once nothing has said for half a minute that it may stay open.
'use strict'

const MOST = 10
let missed = 0

document.addEventListener('htmx:finally:request', event => {
  const asked = event.detail.ctx
  if (asked.sourceElement.id !== 'still') return
  missed = [200, 204].includes(asked.response?.raw?.status) ? 0 : missed + 1
  const unsure = document.getElementById('unsure')
  if (missed < MOST || !unsure) return
  document.body.replaceChildren(unsure.content.cloneNode(true))
  document.querySelector('h1').focus()
})
