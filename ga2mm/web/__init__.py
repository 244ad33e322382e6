"""The page of ``ga2mm demo``, in the browser.

``page_classifier`` answers within bounds, ``answer_html`` shows what Gradio has no component for, ``page`` is
the page, ``server`` runs it, ``samples`` makes clips of the miniature world. Only ``page`` imports Gradio.
"""
