// Says in words why a passkey was not used: allauth's script tells the console alone.
(function () {
  'use strict'
  const line = document.getElementById('passkey-trouble')
  if (!line) { return }

  function tell (words) {
    line.textContent = words
    line.hidden = false
  }

  if (!window.PublicKeyCredential) { tell(line.dataset.missing) }

  document.addEventListener('allauth.error', function (event) {
    event.preventDefault()
    const name = event.detail && event.detail.exception ? event.detail.exception.name : ''
    if (name === 'InvalidStateError') {
      tell(line.dataset.known)
    } else if (name === 'TypeError' || name === 'Error') {
      tell(window.PublicKeyCredential ? line.dataset.away : line.dataset.missing)
    } else {
      tell(line.dataset.refused)
    }
  })
})()
