// A hand-over: takes the token from behind the #, which no browser sends and no log has.
'use strict'

const arriving = document.querySelector('form[data-hand-over]')
function take () {
  if (window.location.hash.length < 2) return
  arriving.token.value = window.location.hash.slice(1)
  history.replaceState(null, '', window.location.pathname)
  arriving.submit()
}
if (arriving) {
  take()
  // Where the link is opened on this very page, the browser loads nothing anew.
  window.addEventListener('hashchange', take)
}
