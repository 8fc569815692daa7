// A hand-over: takes the token from behind the #, which no browser sends and no log has; and confirms it with a passkey.
'use strict'

const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), each => each.charCodeAt(0))
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

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

async function sign (options) {
  const allowCredentials = options.allowCredentials.map(each => ({ ...each, id: bytes(each.id) }))
  const made = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials } })
  const response = {}
  for (const part of ['clientDataJSON', 'authenticatorData', 'signature', 'userHandle']) {
    if (made.response[part]) response[part] = text(made.response[part])
  }
  const extensions = made.getClientExtensionResults()
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: extensions })
}

document.querySelectorAll('form[data-confirms]').forEach(form => {
  const line = form.querySelector('[data-trouble]')
  const button = form.querySelector('[type=submit]')
  const tell = words => { line.textContent = words; line.hidden = false }
  if (!window.PublicKeyCredential) { tell(line.dataset.missing); return }
  const options = JSON.parse(document.getElementById(form.dataset.confirms).textContent)
  button.disabled = false
  form.addEventListener('submit', async event => {
    event.preventDefault()
    button.disabled = true
    try {
      form.response.value = await sign(options)
      form.submit()
    } catch {
      tell(line.dataset.refused)
      button.disabled = false
    }
  })
})
