// Passkeys of staff. The server says step by step what the authenticator is to do: {options, finish}, then {to} or {trouble}.
'use strict'

const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), each => each.charCodeAt(0))
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const named = list => (list || []).map(each => ({ ...each, id: bytes(each.id) }))

async function sign (options) {
  const publicKey = { ...options, challenge: bytes(options.challenge) }
  if (options.user) {
    publicKey.user = { ...options.user, id: bytes(options.user.id) }
    publicKey.excludeCredentials = named(options.excludeCredentials)
  } else {
    publicKey.allowCredentials = named(options.allowCredentials)
  }
  const made = options.user ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey })
  const response = {}
  for (const part of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (made.response[part]) response[part] = text(made.response[part])
  }
  const extensions = made.getClientExtensionResults()
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: extensions })
}

async function send (address, form, response) {
  const fields = new FormData(form)
  if (response) fields.set('response', response)
  const answer = await fetch(address, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  // The session has ended: the page itself leads to the login.
  if (answer.type === 'opaqueredirect') { location.reload(); return new Promise(() => {}) }
  const told = answer.headers.get('Content-Type') || ''
  if (told.startsWith('application/json')) return answer.json()
  return { trouble: answer.status === 429 ? form.dataset.wait : form.dataset.away }
}

// The link of an invitation is shown where it was asked for, once: no page has it at its address.
function hand (link) {
  document.getElementById('asked').replaceWith(document.getElementById('made').content)
  document.getElementById('link').textContent = link
  document.querySelector('h1').focus()
}

async function perform (form) {
  const line = form.querySelector('[data-trouble]')
  const button = form.querySelector('[type=submit]')
  const tell = words => { line.textContent = words; line.hidden = !words }
  button.disabled = true
  tell('')
  try {
    let answer = await send(form.action, form)
    while (answer.options) answer = await send(answer.finish, form, await sign(answer.options))
    if (answer.to) { window.location.assign(answer.to); return }
    if (answer.link) { hand(answer.link); return }
    tell(answer.trouble)
  } catch (error) {
    if (error.name === 'InvalidStateError') tell(form.dataset.known)
    else tell(error.name === 'TypeError' ? form.dataset.away : form.dataset.refused)
  }
  button.disabled = false
}

document.querySelectorAll('form[data-ceremony]').forEach(form => {
  if (!window.PublicKeyCredential) {
    const line = form.querySelector('[data-trouble]')
    line.textContent = form.dataset.missing
    line.hidden = false
    return
  }
  // The secret of a link stands behind the #, which no browser sends and no log has.
  const secret = form.querySelector('[name=secret]')
  const take = () => {
    if (!secret || window.location.hash.length < 2) return
    secret.value = window.location.hash.slice(1)
    history.replaceState(null, '', window.location.pathname)
  }
  take()
  // Where the link is opened on this very page, the browser loads nothing anew.
  window.addEventListener('hashchange', take)
  form.querySelector('[type=submit]').disabled = false
  form.addEventListener('submit', event => { event.preventDefault(); perform(form) })
})
