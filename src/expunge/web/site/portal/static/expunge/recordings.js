// Comforts of a timeline: keys, a player in the list, a stretch chosen with the shift key. Each page works without this file.
'use strict'

const list = document.querySelector('[data-recordings]')

function play (row) {
  const before = row.querySelector('audio, video')
  if (before) {
    if (before.paused) before.play()
    else before.pause()
    return
  }
  list.querySelectorAll('audio, video').forEach(other => other.remove())
  if (row.dataset.tag === 'img') {
    row.querySelector('[data-play]').click()
    return
  }
  const player = document.createElement(row.dataset.tag)
  player.controls = true
  player.disableRemotePlayback = true
  player.setAttribute('controlslist', 'nodownload noremoteplayback')
  player.setAttribute('aria-labelledby', row.querySelector('h2').id)
  player.src = row.dataset.media
  player.addEventListener('error', () => {
    const told = document.createElement('p')
    told.className = 'broken'
    told.setAttribute('role', 'alert')
    told.textContent = list.dataset.broken
    player.replaceWith(told)
  })
  row.append(player)
  player.play().catch(() => {})
}

function move (by) {
  const rows = [...list.querySelectorAll('[data-recording]')]
  const now = rows.findIndex(row => row.contains(document.activeElement))
  const next = rows[Math.max(0, Math.min(rows.length - 1, now + by))]
  rows.forEach(row => row.removeAttribute('aria-current'))
  next.setAttribute('aria-current', 'true')
  next.querySelector('[data-play]').focus()
}

function here () {
  return document.activeElement.closest?.('[data-recording]')
}

if (list) {
  document.querySelectorAll('[data-keys]').forEach(hint => { hint.hidden = false })
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest('input:not([type=checkbox]), textarea, select, audio, video')) return
    const key = event.key
    if (key === 'j' || key === 'J' || (key === 'ArrowDown' && here())) move(1)
    else if (key === 'k' || key === 'K' || (key === 'ArrowUp' && here())) move(-1)
    else if (key === ' ' && here() && event.target.type !== 'checkbox') play(here())
    else if ((key === 'x' || key === 'X') && here()) here().querySelector('[type=checkbox]')?.click()
    else return
    event.preventDefault()
  })
  const boxes = [...list.querySelectorAll('[type=checkbox]')]
  const told = document.querySelector('[data-chosen]')
  let last = -1
  list.addEventListener('click', event => {
    const at = boxes.indexOf(event.target)
    if (at < 0) return
    if (event.shiftKey && last >= 0) {
      const [from, to] = [Math.min(at, last), Math.max(at, last)]
      boxes.slice(from, to + 1).forEach(box => { box.checked = event.target.checked })
    }
    last = at
    if (told) told.textContent = `${told.dataset.chosen} ${boxes.filter(box => box.checked).length}`
  })
}
